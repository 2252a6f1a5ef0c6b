with

source as (

    select * from {{ source('ukltd', 'luft01') }}
    where {{ delivered_by_build_month() }}

),

typed as (

    select
        {{ typed_columns('luft01') }}
    from source

)

select * from typed
