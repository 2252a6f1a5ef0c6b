{#- Names of the money columns of the accounts: those of type bigint in the contract. -#}
{%- macro money_columns() -%}
    {{- return(contract_columns('ac01') | selectattr('type', 'equalto', 'bigint') | map(attribute='name') | list) -}}
{%- endmacro -%}
