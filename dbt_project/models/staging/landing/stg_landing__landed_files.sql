with

source as (

    select * from {{ source('landing', 'landed_files') }}
    where {{ delivered_by_build_month() }}

)

select * from source
