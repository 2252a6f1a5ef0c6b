with

source as (

    select * from {{ source('ukltd', 'luct01') }}
    where {{ delivered_by_build_month() }}

),

typed as (

    select
        {{ typed_columns('luct01') }}
    from source

)

select * from typed
