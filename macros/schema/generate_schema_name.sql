{#-
    Schemas bear their plain names, whatever the target's own schema is; a developer's SCHEMA_PREFIX goes before all of
    them, so that nobody builds into another's tables or production's.
-#}
{%- macro generate_schema_name(custom_schema_name, node) -%}
    {%- set prefix = env_var('SCHEMA_PREFIX', '') -%}
    {%- set schema = custom_schema_name if custom_schema_name is not none else target.schema -%}
    {{- prefix ~ '_' ~ schema if prefix else schema -}}
{%- endmacro -%}
