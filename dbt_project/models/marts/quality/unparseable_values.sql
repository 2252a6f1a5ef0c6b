with

unparseable_values as (

    select * from {{ ref('stg_ukltd__unparseable_values') }}

),

final as (

    select
        table_name,
        column_name,
        snapshot_month,
        expected_type,
        unparseable_values,
        example
    from unparseable_values

)

select * from final
