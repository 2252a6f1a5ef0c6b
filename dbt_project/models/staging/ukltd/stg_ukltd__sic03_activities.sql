with

source as (

    select * from {{ source('ukltd', 'lusc01') }}
    where {{ delivered_by_build_month() }}

),

typed as (

    select
        {{ typed_columns('lusc01') }}
    from source

)

select * from typed
