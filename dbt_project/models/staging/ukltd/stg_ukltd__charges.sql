with

source as (

    select * from {{ source('ukltd', 'mr01') }}
    where {{ delivered_and_not_yet_typed() }}

),

trimmed as (

    select
        {{ trimmed_columns('mr01') }}
    from source

),

typed as (

    select
        {{ typed_columns('mr01') }}
    from trimmed

),

final as (

    select
        {{ staged_columns('mr01') }}
    from typed

)

select * from final
