with

source as (

    select * from {{ source('ukltd', 'mr02') }}
    where {{ delivered_and_not_yet_typed() }}

),

typed as (

    select
        {{ typed_columns('mr02') }}
    from source

),

final as (

    select
        {{ staged_columns('mr02') }}
    from typed

)

select * from final
