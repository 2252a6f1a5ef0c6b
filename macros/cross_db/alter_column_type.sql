{#-
    Another type for a column of a staging table, where the contract changed. Hive changes no type of rows that are
    there, but there are none: the rules that typed them are no longer today's, so delete_months_to_type took them all.
-#}
{%- macro trino__alter_column_type(relation, column_name, new_column_type) -%}
    {%- do run_query('alter table ' ~ relation ~ ' drop column ' ~ adapter.quote(column_name)) -%}
    {%- do run_query('alter table ' ~ relation ~ ' add column ' ~ adapter.quote(column_name) ~ ' ' ~ new_column_type) -%}
{%- endmacro -%}
