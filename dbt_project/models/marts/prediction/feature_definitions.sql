with

final as (

    select
        definitions.position,
        definitions.feature,
        definitions.kind,
        definitions.unit,
        definitions.source_columns,
        definitions.reason
    from (
        values
        {%- for feature in feature_columns() %}
            (
                {{ loop.index }},
                '{{ feature.name }}',
                '{{ feature.kind }}',
                '{{ feature.unit }}',
                '{{ feature.source_columns | join(", ") }}',
                '{{ feature.reason | replace("'", "''") }}'
            ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as definitions (position, feature, kind, unit, source_columns, reason)

)

select * from final
