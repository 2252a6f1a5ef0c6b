with

source as (

    select * from {{ source('ukltd', 'luft01') }}
    where {{ delivered_and_not_yet_typed() }}

),

trimmed as (

    select
        {{ trimmed_columns('luft01') }}
    from source

),

typed as (

    select
        {{ typed_columns('luft01') }}
    from trimmed

),

final as (

    select
        {{ staged_columns('luft01') }}
    from typed

)

select * from final
