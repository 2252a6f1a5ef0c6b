with

source as (

    select * from {{ source('ukltd', 'ac06') }}
    where {{ delivered_by_build_month() }}

),

typed as (

    select
        {{ typed_columns('ac06') }}
    from source

)

select * from typed
