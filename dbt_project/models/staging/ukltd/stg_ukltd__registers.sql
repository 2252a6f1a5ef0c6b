with

source as (

    select * from {{ source('ukltd', 'lufa01') }}
    where {{ delivered_by_build_month() }}

),

typed as (

    select
        {{ typed_columns('lufa01') }}
    from source

)

select * from typed
