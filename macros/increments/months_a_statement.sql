{#- How many months one statement may write on Trino: Hive has a writer for each, and a hundred of them at most. -#}
{%- macro months_a_statement() -%}
    {{- return(100) -}}
{%- endmacro -%}
