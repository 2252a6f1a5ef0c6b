with

source as (

    select * from {{ source('ukltd', 'lufa01') }}
    where {{ delivered_and_not_yet_typed() }}

),

trimmed as (

    select
        {{ trimmed_columns('lufa01') }}
    from source

),

typed as (

    select
        {{ typed_columns('lufa01') }}
    from trimmed

),

final as (

    select
        {{ staged_columns('lufa01') }}
    from typed

)

select * from final
