{#- Fingerprint of the rules that type a table: the contract's columns and what is made of their text. -#}
{%- macro typing_version(table_name) -%}
    {{- return(local_md5(
        trimmed_columns(table_name) ~ typed_columns(table_name) ~ unparseable_text(contract_columns(table_name))
    )) -}}
{%- endmacro -%}
