with

source as (

    select * from {{ source('ukltd', 'mr01') }}
    where {{ delivered_by_build_month() }}

),

typed as (

    select
        {{ typed_columns('mr01') }}
    from source

)

select * from typed
