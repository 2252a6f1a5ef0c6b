{#- A statement that deletes whole partitions of a table. -#}
{%- macro delete_months(relation, months) -%}
    {{- adapter.dispatch('delete_months')(relation, months) -}}
{%- endmacro -%}

{%- macro default__delete_months(relation, months) -%}
    delete from {{ relation }} where snapshot_month in ('{{ months | join("', '") }}')
{%- endmacro -%}

{#- Athena deletes from no table of Hive's: the partitions go from Glue and their objects from S3, with no statement. -#}
{%- macro athena__delete_months(relation, months) -%}
    {%- set conditions = [] -%}
    {%- for month in months -%}
        {%- do conditions.append("snapshot_month = '" ~ month ~ "'") -%}
    {%- endfor -%}
    {%- do adapter.clean_up_partitions(relation, conditions) -%}
{%- endmacro -%}
