with

source as (

    select * from {{ source('ukltd', 'lusc02') }}
    where {{ delivered_and_not_yet_typed() }}

),

trimmed as (

    select
        {{ trimmed_columns('lusc02') }}
    from source

),

typed as (

    select
        {{ typed_columns('lusc02') }}
    from trimmed

),

final as (

    select
        {{ staged_columns('lusc02') }}
    from typed

)

select * from final
