with

source as (

    select * from {{ source('ukltd', 'lulq01') }}
    where {{ delivered_by_build_month() }}

),

typed as (

    select
        {{ typed_columns('lulq01') }}
    from source

)

select * from typed
