with

lookup_codes as (

    {% for lookup in delivered_lookups() %}
        select
            '{{ lookup }}' as lookup,
            code,
            description,
            source_file,
            line_number,
            loaded_at,
            delivery_kind,
            snapshot_month
        from {{ ref('stg_ukltd__' ~ lookup) }}
        where {{ delivered_by_build_month() }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

ranked as (

    select
        lookup_codes.*,
        {{ current_row_rank(['lookup', 'code'], 'lookup_codes') }} as current_row_rank
    from lookup_codes

),

final as (

    select
        ranked.*,
        case
            when code is null then 'key does not parse'
            when current_row_rank > 1 then 'replaced by a later row'
        end as left_out_reason
    from ranked

)

select * from final
