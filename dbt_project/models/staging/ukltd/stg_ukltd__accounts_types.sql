with

source as (

    select * from {{ source('ukltd', 'luat01') }}
    where {{ delivered_by_build_month() }}

),

typed as (

    select
        {{ typed_columns('luat01') }}
    from source

)

select * from typed
