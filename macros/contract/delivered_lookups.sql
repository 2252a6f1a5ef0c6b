{#- What staging makes of the delivered lookups. -#}
{%- macro delivered_lookups() -%}
    {%- set lookups = [] -%}
    {%- for file, entity in delivered_entities().items() if file.startswith('LU') -%}
        {%- do lookups.append(entity) -%}
    {%- endfor -%}
    {{- return(lookups) -}}
{%- endmacro -%}
