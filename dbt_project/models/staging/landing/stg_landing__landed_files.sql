with

source as (

    select * from {{ source('landing', 'landed_files') }}
    where {{ delivered_by_build_month() }}

),

renamed as (

    select
        source.*,
        {{ delivery_kind('source_file') }} as delivery_kind,
        coalesce(origin = 'sample', false) as is_sample
    from source

)

select * from renamed
