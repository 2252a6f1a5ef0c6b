{#-
    Whether a staging table is there and goes on; `dbt compile --no-introspect` asks no warehouse, and so shows the table
    made anew.
-#}
{%- macro is_typed_before() -%}
    {{- return(flags.INTROSPECT and is_incremental()) -}}
{%- endmacro -%}
