{#- How rows are added to a staging table on Trino: so many months a statement. -#}
{%- macro trino__get_incremental_append_sql(arg_dict) -%}
    {%- set months = months_to_type() -%}
    {%- if months | length > months_a_statement() -%}
        {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
        {%- set batches = months | batch(months_a_statement()) | list -%}
        {{ insert_months(arg_dict['target_relation'], columns, arg_dict['temp_relation'], batches) }}
    {%- else -%} {{ default__get_incremental_append_sql(arg_dict) }}
    {%- endif -%}
{%- endmacro -%}
