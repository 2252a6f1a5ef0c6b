{#- Sum of counts, as bigint; DuckDB's sum of integers is a 128-bit number. -#}
{%- macro sum_of_counts(count) -%}
    cast(sum({{ count }}) as bigint)
{%- endmacro -%}
