{#- Schemas bear their plain names, whatever the target's own schema is. -#}
{%- macro generate_schema_name(custom_schema_name, node) -%}
    {{- custom_schema_name if custom_schema_name is not none else target.schema -}}
{%- endmacro -%}
