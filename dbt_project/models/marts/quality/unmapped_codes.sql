with

looked_up_codes as (

    select * from {{ ref('int_looked_up_codes') }}

),

final as (

    select
        entity,
        column_name,
        lookup,
        code,
        row_count,
        unmapped_companies as companies,
        missing_from
    from looked_up_codes
    where is_unmapped

)

select * from final
