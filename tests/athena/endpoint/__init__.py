"""An Athena endpoint for tests: what dbt-athena says to Athena, answered over the tables of a Glue and an S3 store.

    server      Athena's protocol: Start-, Get- and StopQueryExecution, GetQueryResults, GetWorkGroup
    executions  one statement from its text to its state, rows and statistics
    statements  what a statement is: a query, CREATE TABLE AS, INSERT, UNLOAD, a view, or Hive's DDL
    grammar     whether Trino's grammar takes it
    catalog     Glue's tables, and the objects in S3 that they stand for
    backend     what a query runs on: `on_duckdb` translates it and needs nothing but DuckDB, `on_trino` leaves it as it
                is and needs a Trino server

What is not emulated ends as a failed query that says so. What passes here although Athena does it otherwise: no result
file is written below the query's output location, the bytes scanned are those of all files of the tables read, whatever
the columns, and nobody is denied anything of Glue; on DuckDB besides, a text literal has no length (Athena: varchar(3))
and a bare null is an integer (Athena: unknown).
"""
