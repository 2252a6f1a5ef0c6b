with

source as (

    select * from {{ source('ukltd', 'ludf01') }}
    where {{ delivered_by_build_month() }}

),

typed as (

    select
        {{ typed_columns('ludf01') }}
    from source

)

select * from typed
