with

final as (

    {% for feature in feature_columns() %}
        select
            {{ loop.index }} as position,
            '{{ feature.name }}' as feature,
            '{{ feature.kind }}' as kind,
            '{{ feature.unit }}' as unit,
            '{{ feature.source_columns | join(", ") }}' as source_columns,
            '{{ feature.reason | replace("'", "''") }}' as reason
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select * from final
