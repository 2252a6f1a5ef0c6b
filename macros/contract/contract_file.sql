{#- The delivered file that a table of the contract is landed from, such as CI01. -#}
{%- macro contract_file(table_name) -%}
    {%- set tables = graph.sources.values()
        | selectattr('source_name', 'equalto', 'ukltd') | selectattr('name', 'equalto', table_name) | list -%}
    {{- return(tables[0].config.meta.file) -}}
{%- endmacro -%}
