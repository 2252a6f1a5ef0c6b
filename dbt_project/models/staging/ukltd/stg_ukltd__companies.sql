with

source as (

    select * from {{ source('ukltd', 'ci01') }}
    where {{ delivered_by_build_month() }}

),

typed as (

    select
        {{ typed_columns('ci01') }}
    from source

)

select * from typed
