{#- How many rows of a group meet a condition, as bigint; DuckDB's sum of integers is a 128-bit number. -#}
{%- macro count_where(condition) -%}
    cast(sum(case when {{ condition }} then 1 else 0 end) as bigint)
{%- endmacro -%}
