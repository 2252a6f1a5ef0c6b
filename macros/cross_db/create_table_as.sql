{#-
    How Trino makes a table, also one with a contract: in one statement, which gives each column the contract's type.
    The adapter's own way with a contract is a table first and its rows in a second statement; a run killed in between
    would leave it empty.
-#}
{%- macro trino__create_table_as(temporary, relation, sql) -%}
    {%- set has_contract = config.get('contract').enforced -%}
    {%- if has_contract -%} {{ get_assert_columns_equivalent(sql) }} {%- endif %}
    create table {{ relation }}
    {{ properties(temporary) }}
    as (
        select
        {%- if has_contract %}
            {%- for column in model.columns.values() %}
            cast({{ column.name }} as {{ column.data_type }}) as {{ column.name }}{{ ',' if not loop.last }}
            {%- endfor %}
        {%- else %} *
        {%- endif %}
        from (
            {{ sql }}
        ) as built
    )
{%- endmacro -%}
