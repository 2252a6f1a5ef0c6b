with

source as (

    select * from {{ source('ukltd', 'ac01') }}
    where {{ delivered_by_build_month() }}

),

typed as (

    select
        {{ typed_columns('ac01') }}
    from source

)

select * from typed
