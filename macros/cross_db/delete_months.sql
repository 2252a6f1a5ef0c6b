{#- A statement that deletes whole partitions of a table. -#}
{%- macro delete_months(relation, months) -%}
    {{- adapter.dispatch('delete_months')(relation, months) -}}
{%- endmacro -%}

{%- macro default__delete_months(relation, months) -%}
    delete from {{ relation }} where snapshot_month in ('{{ months | join("', '") }}')
{%- endmacro -%}
