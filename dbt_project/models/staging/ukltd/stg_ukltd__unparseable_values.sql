with

ci01 as (

    select * from {{ source('ukltd', 'ci01') }}
    where {{ delivered_by_build_month() }}

),

ac01 as (

    select * from {{ source('ukltd', 'ac01') }}
    where {{ delivered_by_build_month() }}

),

ac06 as (

    select * from {{ source('ukltd', 'ac06') }}
    where {{ delivered_by_build_month() }}

),

mr01 as (

    select * from {{ source('ukltd', 'mr01') }}
    where {{ delivered_by_build_month() }}

),

mr02 as (

    select * from {{ source('ukltd', 'mr02') }}
    where {{ delivered_by_build_month() }}

),

final as (

    {{ unparseable_values(['ci01', 'ac01', 'ac06', 'mr01', 'mr02']) }}

)

select * from final
