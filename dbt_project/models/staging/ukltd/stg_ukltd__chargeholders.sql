with

source as (

    select * from {{ source('ukltd', 'mr02') }}
    where {{ delivered_by_build_month() }}

),

typed as (

    select
        {{ typed_columns('mr02') }}
    from source

)

select * from typed
