"""An Athena endpoint for tests: what dbt-athena says to Athena, answered over the tables of a Glue and an S3 store.

    server      Athena's protocol: Start-, Get- and StopQueryExecution, GetQueryResults, GetWorkGroup
    executions  one statement from its text to its state, rows and statistics
    statements  what a statement is: a query, CREATE TABLE AS, INSERT, UNLOAD, a view, or Hive's DDL
    grammar     whether Trino's grammar takes it
    catalog     Glue's tables, and the objects in S3 that they stand for
    backend     what a query runs on; `on_duckdb` is the one that needs nothing but DuckDB

What is not emulated ends as a failed query that says so. What passes here although Athena does it otherwise: a text
literal has no length (Athena: varchar(3)), a bare null is an integer (Athena: unknown), no result file is written below
the query's output location, and the bytes scanned are those of all files of the tables read, whatever the columns.
"""
