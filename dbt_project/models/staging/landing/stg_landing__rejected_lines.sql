with

source as (

    select * from {{ source('landing', 'rejected_lines') }}
    where {{ delivered_by_build_month() }}

)

select * from source
