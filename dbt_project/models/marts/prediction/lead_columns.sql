with

final as (

    select
        described.position,
        described.column_name,
        described.kind,
        described.description
    from (
        values
        {%- for column in described_columns('leads') %}
            (
                {{ loop.index }},
                '{{ column.name }}',
                '{{ column.kind }}',
                '{{ column.description | replace("'", "''") }}'
            ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as described (position, column_name, kind, description)

)

select * from final
