{#- Condition: the row was delivered in or before the month that is built. -#}
{%- macro delivered_by_build_month() -%}
    {%- set month = var('month', '') or env_var('MONTH', '') -%}
    {{- "snapshot_month <= '" ~ month ~ "'" if month else 'true' -}}
{%- endmacro -%}
