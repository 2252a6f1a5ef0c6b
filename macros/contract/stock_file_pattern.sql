{#- A like pattern (escape ^) of the names of a stock delivery's text files, from the contract's naming. -#}
{%- macro stock_file_pattern() -%}
    {%- if execute -%}
        {%- set tables = graph.sources.values() | selectattr('source_name', 'equalto', 'ukltd') | list -%}
        {%- set member = tables[0].source_meta.delivery.member -%}
        {%- set pattern = member | replace('_', '^_') | replace('{FILE}', '%') | replace('{KIND}', 'S')
            | replace('{YYYYMM}', '______') -%}
        {{- return("'" ~ pattern ~ "'") -}}
    {%- endif -%}
{%- endmacro -%}
