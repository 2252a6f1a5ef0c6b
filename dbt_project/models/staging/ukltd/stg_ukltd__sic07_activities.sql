with

source as (

    select * from {{ source('ukltd', 'lusc02') }}
    where {{ delivered_by_build_month() }}

),

typed as (

    select
        {{ typed_columns('lusc02') }}
    from source

)

select * from typed
