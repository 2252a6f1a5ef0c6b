"""What a month costs on Athena, estimated from the warehouse of a laptop; `docs/cost.md` says how.

report     the command, and the table that it prints
estimate   statements and sizes to bytes and dollars
sizes      compressed bytes of each column of each relation, measured
scans      which columns of which relations a query reads, from DuckDB's plans
"""
