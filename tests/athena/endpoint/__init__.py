"""An Athena endpoint for tests: what dbt-athena says to Athena, answered over the tables of a Glue and an S3 store.

    server      Athena's protocol: StartQueryExecution, GetQueryExecution, GetQueryResults, StopQueryExecution, GetWorkGroup
    executions  one statement from its text to its state, rows and statistics
    statements  what a statement is: a query, CREATE TABLE AS, INSERT, UNLOAD, a view, or Hive's DDL
    grammar     whether Trino's grammar takes it
    catalog     Glue's tables, and the objects in S3 that they stand for
    backend     what a query runs on; `on_duckdb` is the one that needs nothing but DuckDB

What is not emulated ends as a failed query that says so. Two things pass that Athena refuses or does otherwise, for
the back end cannot tell: a literal has no length here (Athena: varchar(3)), and no result file is written below the
query's output location.
"""
