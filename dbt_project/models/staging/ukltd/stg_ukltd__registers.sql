with

source as (

    select * from {{ source('ukltd', 'lufa01') }}
    where {{ delivered_and_not_yet_typed() }}

),

typed as (

    select
        {{ typed_columns('lufa01') }}
    from source

),

final as (

    select
        {{ staged_columns('lufa01') }}
    from typed

)

select * from final
