-- DuckDB's sum of integers is a hugeint, its type_float has 32 bits: neither is what the other engines have.
select
    table_schema,
    table_name,
    column_name,
    data_type
from information_schema.columns
where
    table_schema in (
        '{{ ref("to_train").schema }}',
        '{{ ref("int_observation_statuses").schema }}',
        '{{ ref("row_accounting").schema }}'
    )
    and lower(data_type) in ('hugeint', 'uhugeint', 'ubigint', 'uinteger', 'float', 'real')
