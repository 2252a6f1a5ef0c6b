with

source as (

    select * from {{ source('ukltd', 'mr02') }}
    where {{ delivered_and_not_yet_typed() }}

),

trimmed as (

    select
        {{ trimmed_columns('mr02') }}
    from source

),

typed as (

    select
        {{ typed_columns('mr02') }}
    from trimmed

),

final as (

    select
        {{ staged_columns('mr02') }}
    from typed

)

select * from final
