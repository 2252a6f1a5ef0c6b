{#- Blank values are no values; text columns cannot fail to parse. -#}

{%- set checked = [] -%}
{%- for table in ['ci01', 'ac01', 'ac06', 'mr01', 'mr02'] -%}
    {%- for column in contract_columns(table) if column.type != 'varchar' -%}
        {%- do checked.append({'table': table, 'column': column.name, 'type': column.type}) -%}
    {%- endfor -%}
{%- endfor -%}

with

{% for table, columns in checked | groupby('table') %}
{{ table }} as (

    select * from {{ source('ukltd', table) }}
    where {{ delivered_by_build_month() }}

),

{{ table }}_counts as (

    select
        snapshot_month
        {%- for column in columns %},
        sum(case
            when {{ trimmed(column.column) }} is not null and {{ parsed(column.column, column.type) }} is null then 1
            else 0
        end) as {{ column.column }}_count,
        min(case
            when {{ trimmed(column.column) }} is not null and {{ parsed(column.column, column.type) }} is null
                then {{ trimmed(column.column) }}
        end) as {{ column.column }}_example
        {%- endfor %}
    from {{ table }}
    group by snapshot_month

),
{% endfor %}

counted as (

    {% for column in checked %}
        select
            '{{ column.table }}' as table_name,
            '{{ column.column }}' as column_name,
            snapshot_month,
            '{{ column.type }}' as expected_type,
            cast({{ column.column }}_count as bigint) as unparseable_values,
            {{ column.column }}_example as example
        from {{ column.table }}_counts
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select * from counted
    where unparseable_values > 0

)

select * from final
