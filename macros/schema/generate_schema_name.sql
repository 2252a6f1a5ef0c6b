{#- Schemas bear their plain names; SCHEMA_PREFIX puts one prefix before all that dbt writes. -#}
{%- macro generate_schema_name(custom_schema_name, node) -%}
    {%- set prefix = env_var('SCHEMA_PREFIX', '') -%}
    {%- set name = custom_schema_name if custom_schema_name is not none else target.schema -%}
    {{- prefix ~ '_' ~ name | trim if prefix and custom_schema_name is not none else name | trim -}}
{%- endmacro -%}
