{#-
    How Trino makes a table, also one with a contract: in one statement, which gives each column the contract's type.
    The adapter's own way with a contract is a table first and its rows in a second statement; a run killed in between
    would leave it empty. A table of more months than one statement writes gets the others in further ones.
-#}
{%- macro trino__create_table_as(temporary, relation, sql) -%}
    {%- set has_contract = config.get('contract').enforced -%}
    {%- set is_by_month = not temporary and 'partitioned_by' in (config.get('properties') or {}) -%}
    {%- set batches = landed_months() | batch(months_a_statement()) | list if is_by_month else [] -%}
    {%- if has_contract -%} {{ get_assert_columns_equivalent(sql) }} {%- endif %}
    {%- set create %}
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
        {%- if batches | length > 1 %}
        where snapshot_month in ('{{ batches[0] | join("', '") }}')
        {%- endif %}
    )
    {%- endset -%}
    {%- if batches | length > 1 -%}
        {%- do run_query(create) -%}
        {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute='quoted') | join(', ') -%}
        {{ insert_months(relation, columns, '(' ~ sql ~ ') as built', batches[1:]) }}
    {%- else -%} {{ create }}
    {%- endif -%}
{%- endmacro -%}
